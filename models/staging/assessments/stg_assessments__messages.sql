{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['_kafka_partition', '_kafka_offset'],
    on_schema_change='fail'
) }}

with messages as (

    select
        topic as _kafka_topic,
        partition as _kafka_partition,
        offset as _kafka_offset,
        timestamp as _kafka_timestamp,
        value,
        -- decode() would throw on bytes that are no UTF-8 and stop the build.
        cast(value as string) as value_text
    from {{ source('raw', 'assessment_attempts') }}
    where {{ is_new_message('partition', 'offset') }}

),

syntax_judged as (

    select
        *,
        case
            when value is null then 'tombstone'
            when {{ without_leading_white_space('value_text') }} = '' then 'empty'
            when not is_valid_utf8(value_text) then 'invalid_utf8'
            when not coalesce({{ is_one_json_value('value_text') }}, false)
                then 'invalid_json'
            when not startswith({{ without_leading_white_space('value_text') }}, '{')
                then 'not_an_object'
            -- A variant refuses what from_json takes in silence: one key twice.
            when try_parse_json(value_text) is null then 'duplicate_key'
        end as syntax_reason
    from messages

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
        end as identifiers
    from syntax_judged

),

judged as (

    select
        *,
        case
            when syntax_reason is not null then syntax_reason
            when attempt._corrupt_text is not null then 'wrong_type'
            when
                {{ is_structure('identifiers.keen_id') }}
                or {{ is_structure('identifiers.exam_name') }}
                or {{ is_structure('identifiers.base_exam_id') }}
                or {{ is_structure('identifiers.user_exam_id') }}
                or {{ is_structure('identifiers.sequences.id') }}
                or exists(
                    identifiers.sequences.questions,
                    question -> {{ is_structure('question.id') }}
                    or exists(
                        question.options,
                        option -> {{ is_structure('option.id') }}
                    )
                )
                then 'wrong_type'
            when
                coalesce(trim(attempt.keen_id), '') = ''
                or coalesce(trim(attempt.exam_name), '') = ''
                or coalesce(trim(attempt.base_exam_id), '') = ''
                then 'missing_identifier'
            when
                least(
                    attempt.sequences.counts.total,
                    attempt.sequences.counts.correct,
                    attempt.sequences.counts.incorrect,
                    attempt.sequences.counts.incomplete,
                    attempt.sequences.counts.submitted,
                    attempt.sequences.counts.unanswered
                ) < 0
                or greatest(
                    attempt.sequences.counts.correct,
                    attempt.sequences.counts.incorrect,
                    attempt.sequences.counts.incomplete,
                    attempt.sequences.counts.unanswered
                ) > attempt.sequences.counts.total
                then 'inconsistent_counts'
        end as reject_reason
    from parsed

),

accepted_or_rejected as (

    select
        case when reject_reason is null then attempt end as attempt,
        -- Kept of rejected messages alone; the bytes of all of them are in raw.
        case when reject_reason is not null then make_valid_utf8(value_text) end
            as message_text,
        reject_reason,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_timestamp
    from judged

)

select
    attempt.keen_id,
    attempt.exam_name,
    attempt.base_exam_id,
    attempt.user_exam_id,
    attempt.keen_timestamp,
    attempt.keen_created_at,
    attempt.started_at,
    attempt.max_attempts,
    attempt.certification,
    attempt.sequences,
    reject_reason,
    message_text,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp
from accepted_or_rejected
