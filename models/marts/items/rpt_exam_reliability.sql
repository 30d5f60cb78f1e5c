with forms as (

    select
        *,
        sum(attempt_count) over (partition by exam_id) as exam_attempt_count
    from {{ ref('fct_form_results') }}

),

items as (

    select
        forms.exam_id,
        {{ spread(
            'sum(results.response_count)',
            'sum(results.correct_count)',
            'sum(results.correct_count)'
        ) }} as item_spread
    from forms
    inner join {{ ref('fct_question_results') }} as results
        on forms.exam_id = results.exam_id and forms.form_id = results.form_id
    where forms.form_rank = 1
    group by forms.exam_id, results.question_id

),

exam_items as (

    select
        exam_id,
        sum(item_spread) as item_spread
    from items
    group by exam_id

),

measured as (

    select
        forms.*,
        sqrt(try_divide(
            forms.correct_spread, forms.attempt_count * (forms.attempt_count - 1)
        )) as stddev_correct,
        case
            when forms.attempt_count >= {{ var('item_min_responses') }}
                -- The spreads are whole, so rounding does not lift this above 1.
                then try_divide(
                    forms.item_count
                    * (forms.correct_spread - exam_items.item_spread),
                    (forms.item_count - 1) * forms.correct_spread
                )
        end as reliability
    from forms
    left join exam_items on forms.exam_id = exam_items.exam_id
    where forms.form_rank = 1

)

select
    measured.exam_id,
    exams.course_name,
    measured.exam_attempt_count as attempt_count,
    measured.item_count,
    measured.attempt_count as form_attempt_count,
    measured.mean_correct,
    measured.stddev_correct,
    measured.reliability,
    measured.stddev_correct * sqrt(1 - measured.reliability) as standard_error,
    case
        when measured.attempt_count < {{ var('item_min_responses') }}
            then 'too_few_attempts'
        when measured.reliability < 0.5 then 'low_reliability'
    end as review_reason
from measured
inner join {{ ref('dim_exams') }} as exams on measured.exam_id = exams.exam_id
