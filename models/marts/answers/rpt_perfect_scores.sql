with courses as (

    select * from {{ ref('fct_course_results') }}

)

select
    rank() over (order by perfect_count desc) as course_rank,
    course_name,
    perfect_count,
    attempt_count,
    try_divide(perfect_count, attempt_count) as perfect_rate
from courses
