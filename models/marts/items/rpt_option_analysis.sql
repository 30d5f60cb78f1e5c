with exams as (

    select * from {{ ref('dim_exams') }}

),

options as (

    select
        exam_id,
        question_id,
        option_id,
        -- A key can be corrected, so the newest attempt says what it is.
        max_by(is_key, newest_message) as is_key,
        sum(response_count) as response_count,
        sum(checked_count) as checked_count,
        sum(rest_sum) as rest_sum,
        sum(rest_square_sum) as rest_square_sum,
        sum(checked_rest_sum) as checked_rest_sum
    from {{ ref('fct_option_results') }}
    group by exam_id, question_id, option_id

),

correlated as (

    select
        *,
        {{ item_correlation('checked_count', 'checked_rest_sum') }} as rest_correlation
    from options

)

select
    correlated.exam_id,
    exams.course_name,
    correlated.question_id,
    correlated.option_id,
    correlated.response_count,
    correlated.checked_count,
    try_divide(correlated.checked_count, correlated.response_count) as checked_rate,
    correlated.rest_correlation,
    case
        when correlated.response_count < {{ var('item_min_responses') }}
            then 'too_few_responses'
        when correlated.is_key and correlated.rest_correlation < 0 then 'key_repels'
        when not correlated.is_key and correlated.rest_correlation > 0.1
            then 'distractor_attracts'
        when not correlated.is_key and correlated.checked_count = 0 then 'never_chosen'
    end as review_reason,
    correlated.is_key
from correlated
inner join exams on correlated.exam_id = exams.exam_id
where not exams.is_test_exam
