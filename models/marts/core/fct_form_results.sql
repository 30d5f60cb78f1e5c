with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

forms as (

    select
        exam_id,
        form_id,
        any_value(item_ids) as item_ids,
        size(any_value(item_ids)) as item_count,
        count(*) as attempt_count,
        avg(correct_item_count) as mean_correct,
        {{ spread(
            'count(*)',
            'sum(correct_item_count)',
            'sum(cast(correct_item_count as bigint) * correct_item_count)'
        ) }} as correct_spread
    from scored_attempts
    group by exam_id, form_id

)

select
    exam_id,
    form_id,
    row_number() over (
        partition by exam_id
        order by attempt_count desc, item_count desc, item_ids asc
    ) as form_rank,
    item_count,
    attempt_count,
    mean_correct,
    correct_spread,
    item_ids
from forms
