{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice']
) }}

{% set new_messages %}
    select
        partition as _kafka_partition,
        offset as _kafka_offset
    from {{ source('raw', 'assessment_attempts') }}
    where {{ is_new_message('partition', 'offset') }}
{% endset %}

with messages as (

    select
        topic as _kafka_topic,
        partition as _kafka_partition,
        offset as _kafka_offset,
        timestamp as _kafka_timestamp,
        headers,
        value,
        -- decode() would fail the build on bytes that are not UTF-8.
        cast(value as string) as value_text
    from {{ source('raw', 'assessment_attempts') }}

),

syntax_judged as (

    select
        *,
        case
            when value is null then 'tombstone'
            else {{ syntax_reject_reason('value_text') }}
        end as syntax_reason
    from messages
    where {{ in_changed_slices(new_messages) }}

),

parsed as (

    select
        *,
        case
            when syntax_reason is null
                then from_json(
                    value_text,
                    '{{ attempt_schema(corrupt_column="_corrupt_text") }}',
                    map('columnNameOfCorruptRecord', '_corrupt_text')
                )
        end as attempt,
        case
            when syntax_reason is null
                then from_json(value_text, '{{ attempt_schema(identifier="variant") }}')
        end as identifiers,
        case when syntax_reason is null then try_parse_json(value_text) end as content
    from syntax_judged

),

judged as (

    select
        *,
        case
            when syntax_reason is not null then syntax_reason
            when
                attempt._corrupt_text is not null
                or {{ has_structure_as_identifier('identifiers') }}
                then 'wrong_type'
            when
                coalesce(trim(attempt.keen_id), '') = ''
                or coalesce(trim(attempt.exam_name), '') = ''
                or coalesce(trim(attempt.base_exam_id), '') = ''
                then 'missing_identifier'
            when {{ has_inconsistent_counts('attempt.sequences.counts') }}
                then 'inconsistent_counts'
        end as reject_reason,
        case when reject_reason is null then attempt end as accepted
    from parsed

)

select
    accepted.keen_id,
    accepted.exam_name,
    accepted.base_exam_id,
    accepted.user_exam_id,
    accepted.keen_timestamp,
    accepted.keen_created_at,
    accepted.started_at,
    accepted.max_attempts,
    accepted.certification,
    accepted.sequences,
    if(reject_reason is null, {{ unknown_keys('content', 'value_text') }}, null)
        as unknown_key_paths,
    reject_reason,
    -- Only rejected messages keep their text; raw has the bytes of all messages.
    if(reject_reason is not null, make_valid_utf8(value_text), null) as message_text,
    if(reject_reason is not null, {{ message_source('headers') }}, null)
        as message_source,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_offset div {{ slice_length() }} as _kafka_slice,
    _kafka_timestamp
from judged
