with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        count(distinct exam_id) as exam_count,
        count(*) as attempt_count,
        sum(question_count) as question_count,
        min(question_count) as min_question_count,
        max(question_count) as max_question_count,
        count_if(correct_count = question_count) as perfect_count,
        count_if(score < 0.5) as below_50_count,
        -- A missing count adds nothing; a course that has none gets 0.
        coalesce(sum(incomplete_count), 0) as incomplete_count,
        coalesce(sum(unanswered_count), 0) as unanswered_count,
        avg(score) as mean_score,
        stddev_samp(score) as stddev_score,
        min(score) as min_score,
        percentile(score, 0.5) as median_score,
        max(score) as max_score
    from scored_attempts
    group by course_name

)

select
    course_name,
    exam_count,
    attempt_count,
    question_count,
    min_question_count,
    max_question_count,
    perfect_count,
    below_50_count,
    incomplete_count,
    unanswered_count,
    mean_score,
    stddev_score,
    min_score,
    median_score,
    max_score
from courses
