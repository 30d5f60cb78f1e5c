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

unrolled as (

    select
        attempts.*,
        element.questions as question,
        element.rest_correct_counts as rest_correct_count,
        place + 1 as question_position
    from attempts
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
    form_id,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice
from unrolled
-- A null element keeps its position but produces no row.
where question is not null
