{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice'],
    post_hook='{{ remember_excluded_exams() }}'
) }}

with attempts as (

    select * from {{ ref('int_attempts__deduplicated') }}
    where {{ in_changed_slices(attempts_with_changed_score()) }}

),

excluded_exams as (

    select * from {{ ref('excluded_exams') }}

),

classified as (

    select
        attempts.*,
        {{ is_scored('attempts', 'excluded_exams') }} as is_scored,
        arrays_zip(attempts.questions, attempts.rest_correct_counts) as elements
    from attempts
    left join excluded_exams on attempts.exam_id = excluded_exams.exam_id

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
        is_scored,
        _kafka_partition,
        _kafka_offset,
        _kafka_slice,
        _kafka_timestamp
    from classified
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
    is_scored,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice,
    _kafka_timestamp
from unrolled
-- A null element keeps its position but produces no row.
where offered is not null
