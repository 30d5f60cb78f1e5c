-- For each reject reason, staging and the audit count the same rejected messages.
with rejected_messages as (

    select
        reject_reason,
        count(*) as message_count
    from {{ ref('stg_assessments__rejected_messages') }}
    group by reject_reason

),

outcomes as (

    select
        outcome,
        message_count
    from {{ ref('audit_message_outcomes') }}
    where outcome not in ('accepted', 'duplicate')

)

select
    outcomes.outcome,
    rejected_messages.reject_reason,
    outcomes.message_count as outcome_count,
    rejected_messages.message_count as rejected_count
from outcomes
full outer join rejected_messages
    on outcomes.outcome = rejected_messages.reject_reason
where
    coalesce(outcomes.message_count, 0)
    != coalesce(rejected_messages.message_count, 0)
