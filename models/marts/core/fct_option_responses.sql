{{ config(
    materialized='incremental',
    unique_key=['attempt_id', 'question_position', 'option_position'],
    post_hook='{{ delete_superseded_rows() }}'
) }}

with attempts as (

    select
        *,
        questions.id as question_ids
    from {{ ref('int_attempts__deduplicated') }}
    where {{ is_new_message() }}

),

-- Each step takes along only what the next one needs: a row of an option must not carry
-- all questions of its attempt.
asked as (

    select
        attempt_id,
        exam_id,
        question_index + 1 as question_position,
        question.id as question_id,
        question.options,
        question.options.id as option_ids,
        case
            when array_position(question_ids, question.id) = question_index + 1
                then correct_item_count - if(question.user_correct, 1, 0)
        end as rest_correct_count,
        is_scorable,
        _kafka_partition,
        _kafka_offset,
        _kafka_timestamp
    from attempts
        lateral view posexplode(questions) as question_index, question

),

unrolled as (

    select
        asked.*,
        option,
        option_index + 1 as option_position
    from asked
        lateral view posexplode(options) as option_index, option

)

select
    attempt_id,
    question_position,
    option_position,
    question_id,
    exam_id,
    option.id as option_id,
    option.checked as is_checked,
    option.correct as is_correct,
    coalesce(option.submitted > 0, false) as is_submitted,
    {{ read_iso_timestamp('option.at') }} as answered_at,
    case when answered_at is null then option.at end as unreadable_answer_time,
    case
        when array_position(option_ids, option.id) = option_position
            then rest_correct_count
    end as rest_correct_count,
    is_scorable,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp
from unrolled
-- A null element keeps its position but produces no row.
where option is not null
