with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        count_if(score < 0.5) as below_50_count,
        count(*) as attempt_count
    from scored_attempts
    group by course_name

)

select
    rank() over (order by below_50_count desc) as course_rank,
    course_name,
    below_50_count,
    attempt_count,
    try_divide(below_50_count, attempt_count) as below_50_rate
from courses
