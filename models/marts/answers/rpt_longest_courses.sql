with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        max(question_count) as question_count,
        min(question_count) as min_question_count,
        count(distinct exam_id) as exam_count
    from scored_attempts
    group by course_name

)

select
    rank() over (order by question_count desc) as course_rank,
    course_name,
    question_count,
    min_question_count,
    exam_count
from courses
