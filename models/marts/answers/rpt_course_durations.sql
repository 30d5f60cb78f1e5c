with scored_attempts as (

    select
        course_name,
        (unix_micros(last_answered_at) - unix_micros(started_at)) / 1e6 as seconds
    from {{ ref('fct_attempts') }}
    where is_scored

),

courses as (

    select
        course_name,
        count(*) as attempt_count,
        -- A click before the start belongs to an earlier page, or to another clock.
        count_if(seconds >= 0) as timed_count,
        percentile(seconds, array(0.25, 0.5, 0.75)) filter (where seconds >= 0)
            as quartiles
    from scored_attempts
    group by course_name

)

select
    course_name,
    attempt_count,
    timed_count,
    quartiles[0] as q1_seconds,
    quartiles[1] as median_seconds,
    quartiles[2] as q3_seconds
from courses
