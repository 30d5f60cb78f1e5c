{{ config(
    materialized='incremental',
    unique_key=['attempt_id', 'question_position', 'option_position'],
    post_hook='{{ delete_superseded_rows() }}'
) }}

with attempts as (

    select *
    from {{ ref('int_attempts__deduplicated') }}
    where {{ is_new_message() }}

),

unrolled as (

    select
        attempts.*,
        question,
        question_index + 1 as question_position,
        option,
        option_index + 1 as option_position
    from attempts
        lateral view posexplode(questions) as question_index, question
        lateral view posexplode(question.options) as option_index, option

)

select
    attempt_id,
    question_position,
    option_position,
    question.id as question_id,
    option.id as option_id,
    option.checked as is_checked,
    option.correct as is_correct,
    coalesce(option.submitted > 0, false) as is_submitted,
    {{ read_iso_timestamp('option.at') }} as answered_at,
    case when answered_at is null then option.at end as unreadable_answer_time,
    case
        when
            array_position(questions.id, question.id) = question_position
            and array_position(question.options.id, option.id) = option_position
            then correct_item_count - if(question.user_correct, 1, 0)
    end as rest_correct_count,
    _kafka_partition,
    _kafka_offset
from unrolled
-- A null element keeps its position but produces no row.
where option is not null
