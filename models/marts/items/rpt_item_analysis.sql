with exams as (

    select * from {{ ref('dim_exams') }}

),

items as (

    select
        exam_id,
        question_id,
        sum(response_count) as response_count,
        sum(correct_count) as correct_count,
        sum(incomplete_count) as incomplete_count,
        sum(unanswered_count) as unanswered_count,
        sum(rest_sum) as rest_sum,
        sum(rest_square_sum) as rest_square_sum,
        sum(correct_rest_sum) as correct_rest_sum
    from {{ ref('fct_question_results') }}
    group by exam_id, question_id

),

rated as (

    select
        *,
        try_divide(correct_count, response_count) as correct_rate,
        {{ wilson_bound('correct_count', 'response_count', '-') }} as correct_rate_low,
        {{ wilson_bound('correct_count', 'response_count', '+') }} as correct_rate_high,
        {{ item_correlation('correct_count', 'correct_rest_sum') }} as discrimination
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
