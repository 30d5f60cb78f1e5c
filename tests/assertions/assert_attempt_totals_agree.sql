-- Staging, fct_attempts, both dimensions and the audit count the same attempts.
with totals as (

    select
        'stg_assessments__messages' as counted_in,
        count(distinct keen_id) as attempt_count
    from {{ ref('stg_assessments__messages') }}
    where reject_reason is null
    union all
    select
        'fct_attempts' as counted_in,
        count(*) as attempt_count
    from {{ ref('fct_attempts') }}
    union all
    select
        'dim_courses' as counted_in,
        coalesce(sum(attempt_count), 0) as attempt_count
    from {{ ref('dim_courses') }}
    union all
    select
        'dim_exams' as counted_in,
        coalesce(sum(attempt_count), 0) as attempt_count
    from {{ ref('dim_exams') }}
    union all
    select
        'audit_message_outcomes' as counted_in,
        message_count as attempt_count
    from {{ ref('audit_message_outcomes') }}
    where outcome = 'accepted'

),

compared as (

    select
        counted_in,
        attempt_count,
        min(attempt_count) over () != max(attempt_count) over () as is_disagreement
    from totals

)

select
    counted_in,
    attempt_count
from compared
where is_disagreement
