with outcomes as (

    select * from {{ ref('audit_message_outcomes') }}

),

attempts as (

    select * from {{ ref('fct_attempts') }}

),

message_totals as (

    select
        sum(message_count) as message_count,
        sum(message_count) filter (where outcome = 'duplicate') as duplicate_count,
        sum(message_count) filter (where outcome not in ('accepted', 'duplicate'))
            as rejected_count
    from outcomes

),

attempt_totals as (

    select
        count(*) as attempt_count,
        count_if(is_test_exam) as test_attempt_count,
        count_if(is_scored) as scored_attempt_count,
        count(distinct exam_id) filter (where not is_test_exam) as exam_count,
        count(distinct course_name) filter (where not is_test_exam) as course_count
    from attempts

),

units as (

    select
        stack(
            8,
            1, 'messages', message_totals.message_count,
            'Kafka messages landed, usable or not',
            2, 'rejected_messages', message_totals.rejected_count,
            'Messages that cannot be used, each with a reason',
            3, 'duplicate_messages', message_totals.duplicate_count,
            'Usable messages that a newer one of the same attempt replaces',
            4, 'attempts', attempt_totals.attempt_count,
            'Distinct attempts among the usable messages',
            5, 'test_attempts', attempt_totals.test_attempt_count,
            'Attempts of exams that only test the system',
            6, 'scored_attempts', attempt_totals.scored_attempt_count,
            'Attempts with a score, without test exams: what questions 2 to 8 count',
            7, 'exams', attempt_totals.exam_count,
            'Exams that were attempted, without test exams',
            8, 'courses', attempt_totals.course_count,
            'Courses that were attempted, without test exams'
        ) as (unit_order, unit, assessment_count, definition)
    from message_totals
    cross join attempt_totals

)

select
    unit_order,
    unit,
    assessment_count,
    definition
from units
