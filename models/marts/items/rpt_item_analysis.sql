with exams as (

    select * from {{ ref('dim_exams') }}

),

responses as (

    select
        *,
        coalesce(is_correct, false) as is_right
    from {{ ref('fct_question_responses') }}
    where is_scorable and rest_correct_count is not null

),

items as (

    select
        exam_id,
        question_id,
        count(*) as response_count,
        count_if(is_right) as correct_count,
        count_if(is_incomplete) as incomplete_count,
        count_if(result = 'unanswered') as unanswered_count,
        {{ item_correlation('is_right') }} as discrimination
    from responses
    group by exam_id, question_id

),

rated as (

    select
        *,
        try_divide(correct_count, response_count) as correct_rate,
        {{ wilson_bound('correct_count', 'response_count', '-') }} as correct_rate_low,
        {{ wilson_bound('correct_count', 'response_count', '+') }} as correct_rate_high
    from items

)

select
    rated.exam_id,
    exams.course_name,
    rated.question_id,
    rated.response_count,
    rated.correct_count,
    rated.incomplete_count,
    rated.unanswered_count,
    rated.correct_rate,
    rated.correct_rate_low,
    rated.correct_rate_high,
    rated.discrimination,
    case
        when rated.response_count < {{ var('item_min_responses') }}
            then 'too_few_responses'
        when rated.discrimination < 0 then 'negative_discrimination'
        when rated.discrimination < 0.2 then 'low_discrimination'
        when rated.correct_rate < 0.2 then 'too_hard'
        when rated.correct_rate > 0.95 then 'too_easy'
    end as review_reason
from rated
inner join exams on rated.exam_id = exams.exam_id
where not exams.is_test_exam
