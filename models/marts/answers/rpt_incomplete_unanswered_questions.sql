with courses as (

    select
        *,
        incomplete_count + unanswered_count as incomplete_unanswered_count
    from {{ ref('fct_course_results') }}

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
from courses
