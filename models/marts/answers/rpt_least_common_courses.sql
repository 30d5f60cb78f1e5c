with courses as (

    select * from {{ ref('fct_course_results') }}

)

select
    rank() over (order by attempt_count) as course_rank,
    course_name,
    attempt_count,
    try_divide(attempt_count, sum(attempt_count) over ()) as attempt_share
from courses
