with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        count_if(correct_count = question_count) as perfect_count,
        count(*) as attempt_count
    from scored_attempts
    group by course_name

)

select
    rank() over (order by perfect_count desc) as course_rank,
    course_name,
    perfect_count,
    attempt_count,
    try_divide(perfect_count, attempt_count) as perfect_rate
from courses
