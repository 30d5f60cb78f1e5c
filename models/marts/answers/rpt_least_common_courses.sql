with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        count(*) as attempt_count
    from scored_attempts
    group by course_name

),

ranked as (

    select
        course_name,
        attempt_count,
        rank() over (order by attempt_count) as course_rank,
        try_divide(attempt_count, sum(attempt_count) over ()) as attempt_share
    from courses

)

select
    course_rank,
    course_name,
    attempt_count,
    attempt_share
from ranked
