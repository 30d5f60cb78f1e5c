with courses as (

    select * from {{ ref('fct_course_results') }}

)

select
    course_name,
    attempt_count,
    mean_score,
    stddev_score,
    min_score,
    median_score,
    max_score
from courses
