with exams as (

    select * from {{ ref('dim_exams') }}

),

responses as (

    select
        *,
        coalesce(is_checked, false) as is_chosen,
        coalesce(is_correct, false) as is_right
    from {{ ref('fct_option_responses') }}
    where is_scorable and rest_correct_count is not null

),

items as (

    select
        exam_id,
        question_id,
        option_id,
        -- A key can be corrected, so the newest attempt says what it is.
        max_by(is_right, {{ message_recency() }}) as is_key,
        count(*) as response_count,
        count_if(is_chosen) as checked_count,
        {{ item_correlation('is_chosen') }} as rest_correlation
    from responses
    group by exam_id, question_id, option_id

)

select
    items.exam_id,
    exams.course_name,
    items.question_id,
    items.option_id,
    items.response_count,
    items.checked_count,
    try_divide(items.checked_count, items.response_count) as checked_rate,
    items.rest_correlation,
    case
        when items.response_count < {{ var('item_min_responses') }}
            then 'too_few_responses'
        when items.is_key and items.rest_correlation < 0 then 'key_repels'
        when not items.is_key and items.rest_correlation > 0.1
            then 'distractor_attracts'
        when not items.is_key and items.checked_count = 0 then 'never_chosen'
    end as review_reason,
    items.is_key
from items
inner join exams on items.exam_id = exams.exam_id
where not exams.is_test_exam
