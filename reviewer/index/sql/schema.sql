-- The index: flags with their state now, the events behind it, predictions, how many flags there are of each
-- kind (several rows of one kind add up), what became of labels and options, and how far each log was read. A flag's
-- labels and option are those of today; a raw one is what was written, null where that is the same. Comments are not
-- compressed: a page of scattered rows would unpack a whole dictionary for each.
create table flags (
    position bigint, flag_id uuid, prediction_id uuid, flagged_at timestamp, flagger varchar,
    session_id varchar, source varchar, model varchar, model_version varchar, task varchar,
    example_id varchar, inputs json, predicted_label varchar, confidence double, scores json,
    predicted_value double, output json, latency_ms double, option varchar, severity varchar,
    comment varchar using compression uncompressed, suggested_label varchar, tags json, origin json, app_version varchar,
    schema_version integer,
    status varchar, resolution varchar, corrected_label varchar, corrected_value double,
    corrected_output json, reviewer varchar, reviewed_at timestamp, action_id uuid,
    verification varchar, verified_version varchar, comments integer, seq integer,
    is_withdrawn boolean, assignee varchar, claimed_until timestamp, second_review varchar,
    first_reviewer varchar, second_reviewer varchar, gold_by varchar, mentions varchar[], is_split boolean,
    group_id uuid, group_size integer, kind ubigint,
    says_wrong boolean, severity_points double, confidence_points double,
    preview varchar, thumbnail varchar, search_text varchar,
    raw_predicted_label varchar, raw_corrected_label varchar, raw_suggested_label varchar, raw_option varchar,
    needs_label boolean
);
create table reviews (
    position bigint, event_id uuid, flag_id uuid, seq integer, event varchar, value varchar,
    corrected_label varchar, corrected_value double, corrected_output json, reviewer varchar,
    reviewed_at timestamp, action_id uuid, reverts uuid, certainty integer, seconds double,
    model_version varchar, is_applied boolean
);
create table predictions (
    position bigint, prediction_id uuid, predicted_at timestamp, model varchar, model_version varchar,
    task varchar, example_id varchar, inputs json, predicted_label varchar, confidence double,
    scores json, predicted_value double, output json, latency_ms double, error varchar,
    session_id varchar, username varchar, source varchar
);
create table flag_counts (
    status varchar, model varchar, model_version varchar, option varchar, predicted_label varchar,
    resolution varchar, verification varchar, source varchar, severity varchar, assignee varchar,
    needs_label boolean, gold_by varchar, mentions varchar[], confidence_bin integer, flags bigint
);
create table labels (
    position bigint, change_id uuid, changed_at timestamp, model varchar, part varchar, seq integer,
    change varchar, name varchar, names json, added json, color varchar, key varchar, reason varchar,
    person varchar, reverts uuid, is_applied boolean
);
create table current_names (model varchar, part varchar, written varchar, name varchar, is_ended boolean);
create table derived_from (kinds bigint, reviews bigint);
insert into derived_from values (0, 0);
create table wrong_shares (
    kind ubigint, reviewed bigint, wrong bigint, wrong_share double
);
create table read_positions (
    stream varchar, segment integer, inode ubigint, byte_offset bigint, mark ubigint,
    row_count bigint
);
create table rejected_rows (stream varchar, reason varchar);
create view raw_flags as
    select flag_id, prediction_id, flagged_at, flagger, session_id, source, model, model_version, task,
        example_id, inputs, coalesce(raw_predicted_label, predicted_label) as predicted_label, confidence, scores,
        predicted_value, output, latency_ms, coalesce(raw_option, option) as option, severity, comment,
        coalesce(raw_suggested_label, suggested_label) as suggested_label, tags, origin, app_version, schema_version
    from flags;
create view raw_reviews as
    select event_id, flag_id, seq, event, value, corrected_label, corrected_value, corrected_output,
        reviewer, reviewed_at, action_id, reverts, certainty, seconds, model_version
    from reviews;
