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

unrolled as (

    select
        classified.*,
        element.questions as question,
        element.rest_correct_counts as rest_correct_count,
        place + 1 as question_position
    from classified
        lateral view posexplode(elements) as place, element

)

select
    attempt_id,
    question_position,
    question.id as question_id,
    exam_id,
    course_name,
    question.user_result as result,
    question.user_correct as is_correct,
    question.user_incomplete as is_incomplete,
    coalesce(question.user_submitted, false) as is_submitted,
    rest_correct_count,
    is_scorable,
    is_scored,
    form_id,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice
from unrolled
-- A null element keeps its position but produces no row.
where question is not null
