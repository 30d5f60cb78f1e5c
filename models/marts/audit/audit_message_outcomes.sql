with messages as (

    select
        reject_reason,
        count(*) as message_count
    from {{ ref('stg_assessments__messages') }}
    group by reject_reason

),

attempts as (

    select count(*) as attempt_count from {{ ref('int_attempts__deduplicated') }}

),

usable_messages as (

    select coalesce(sum(message_count), 0) as message_count
    from messages
    where reject_reason is null

),

used as (

    select
        stack(
            2,
            'accepted', attempts.attempt_count,
            'duplicate', usable_messages.message_count - attempts.attempt_count
        ) as (outcome, message_count)
    from usable_messages
    cross join attempts

),

rejected as (

    select
        reject_reasons.reject_reason as outcome,
        coalesce(messages.message_count, 0) as message_count
    from {{ ref('reject_reasons') }} as reject_reasons
    left join messages on reject_reasons.reject_reason = messages.reject_reason

)

select
    outcome,
    message_count
from used
union all
select
    outcome,
    message_count
from rejected
