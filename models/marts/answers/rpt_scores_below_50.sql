with courses as (

    select * from {{ ref('fct_course_results') }}

)

select
    rank() over (order by below_50_count desc) as course_rank,
    course_name,
    below_50_count,
    attempt_count,
    try_divide(below_50_count, attempt_count) as below_50_rate
from courses
