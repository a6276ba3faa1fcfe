-- The table `renamed`: the positions of the flags of which a name, as it was written, is in `changed_names`, or that two
-- people answered, whose answers may differ by what names mean.
create or replace temp table renamed as
select flags.position
from flags
where exists (
    select 1
    from changed_names
    where changed_names.model = flags.model
        and (
            changed_names.part = 'option' and changed_names.written = coalesce(raw_option, option)
            or changed_names.part = 'label'
            and (
                second_review is not null
                or changed_names.written in (
                    coalesce(raw_predicted_label, predicted_label), coalesce(raw_corrected_label, corrected_label),
                    coalesce(raw_suggested_label, suggested_label)
                )
            )
        )
);
