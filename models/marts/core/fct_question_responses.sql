{{ config(
    materialized='incremental',
    unique_key=['attempt_id', 'question_position'],
    post_hook='{{ delete_superseded_rows() }}'
) }}

with attempts as (

    select
        *,
        {{ first_occurrences('questions.id') }} as is_first
    from {{ ref('int_attempts__deduplicated') }}
    where {{ is_new_message() }}

),

unrolled as (

    select
        attempts.*,
        element.questions as question,
        element.is_first as is_item,
        place + 1 as question_position
    from attempts
        lateral view posexplode(arrays_zip(questions, is_first)) as place, element

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
    case
        when is_item
            then correct_item_count - if(question.user_correct, 1, 0)
    end as rest_correct_count,
    is_scorable,
    _kafka_partition,
    _kafka_offset
from unrolled
-- A null element keeps its position but produces no row.
where question is not null
