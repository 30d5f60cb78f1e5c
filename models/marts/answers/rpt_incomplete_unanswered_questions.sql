with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        coalesce(sum(incomplete_count), 0) as incomplete_count,
        coalesce(sum(unanswered_count), 0) as unanswered_count,
        sum(question_count) as question_count
    from scored_attempts
    group by course_name

),

summed as (

    select
        *,
        incomplete_count + unanswered_count as incomplete_unanswered_count
    from courses

)

select
    rank() over (order by incomplete_unanswered_count desc) as course_rank,
    course_name,
    incomplete_count,
    unanswered_count,
    incomplete_unanswered_count,
    question_count,
    try_divide(incomplete_unanswered_count, question_count)
        as incomplete_unanswered_rate
from summed
