-- One row per kind of flag (model, option, predicted label, tenth of confidence) of whose model and option some were
-- found wrong (label_corrected) or right (prediction_correct): how many of the kind, and the share that is wrong. The
-- share is drawn towards that of the model and option as if four more flags had been reviewed with that outcome, and
-- theirs towards one half as if two more had, one of each; so a kind that nobody reviewed has the share of its option.
with counted as (
    select
        model,
        option,
        predicted_label,
        confidence_bin,
        coalesce(sum(flags) filter (where resolution = 'label_corrected'), 0) as wrong,
        coalesce(sum(flags) filter (where resolution in ('label_corrected', 'prediction_correct')), 0) as reviewed
    from flag_counts
    group by all
),
compared as (
    select
        *,
        sum(wrong) over same_option as option_wrong,
        sum(reviewed) over same_option as option_reviewed
    from counted
    window same_option as (partition by model, option)
)
select
    hash(model, option, predicted_label, cast(confidence_bin as double)) as kind,
    cast(reviewed as bigint) as reviewed,
    cast(wrong as bigint) as wrong,
    (wrong + 4 * (option_wrong + 1) / (option_reviewed + 2)) / (reviewed + 4) as wrong_share
from compared
where option_reviewed > 0
