with courses as (

    select * from {{ ref('fct_course_results') }}

)

select
    rank() over (order by max_question_count desc) as course_rank,
    course_name,
    max_question_count as question_count,
    min_question_count,
    exam_count
from courses
