with attempts as (

    select * from {{ ref('fct_attempts') }}

),

exams as (

    select
        exam_id,
        -- An exam seen under two course names takes that of its newest attempt.
        max_by(course_name, {{ message_recency() }}) as course_name,
        count(*) as attempt_count,
        max(question_count) as question_count,
        bool_or(is_test_exam) as is_test_exam
    from attempts
    group by exam_id

)

select
    exam_id,
    course_name,
    attempt_count,
    question_count,
    is_test_exam
from exams
