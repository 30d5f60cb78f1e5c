with attempts as (

    select * from {{ ref('fct_attempts') }}

),

courses as (

    select
        course_name,
        count(distinct exam_id) as exam_count,
        count(*) as attempt_count,
        bool_and(is_test_exam) as is_test_course
    from attempts
    group by course_name

)

select
    course_name,
    exam_count,
    attempt_count,
    is_test_course
from courses
