{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice']
) }}

with attempts as (

    select
        *,
        arrays_zip(questions, rest_correct_counts) as elements
    from {{ ref('int_attempts__deduplicated') }}
    where {{ in_changed_slices(changed_attempts()) }}

),

-- Each step takes along only what the next one needs: a row of an option must not carry
-- all questions of its attempt.
asked as (

    select
        attempt_id,
        exam_id,
        place + 1 as question_position,
        element.questions.id as question_id,
        element.questions.options,
        {{ first_occurrences('element.questions.options.id') }} as is_first,
        element.rest_correct_counts as rest_correct_count,
        is_scorable,
        _kafka_partition,
        _kafka_offset,
        _kafka_slice,
        _kafka_timestamp
    from attempts
        lateral view posexplode(elements) as place, element

),

unrolled as (

    select
        asked.*,
        element.options as offered,
        element.is_first as is_first_option,
        place + 1 as option_position
    from asked
        lateral view posexplode(arrays_zip(options, is_first)) as place, element

)

select
    attempt_id,
    question_position,
    option_position,
    question_id,
    exam_id,
    offered.id as option_id,
    offered.checked as is_checked,
    offered.correct as is_correct,
    coalesce(offered.submitted > 0, false) as is_submitted,
    {{ read_iso_timestamp('offered.at') }} as answered_at,
    case when answered_at is null then offered.at end as unreadable_answer_time,
    case when is_first_option then rest_correct_count end as rest_correct_count,
    is_scorable,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice,
    _kafka_timestamp
from unrolled
-- A null element keeps its position but produces no row.
where offered is not null
