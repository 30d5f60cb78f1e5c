with scored_attempts as (

    select *
    from {{ ref('fct_attempts') }}
    where is_scored

)

select
    course_name,
    count(*) as attempt_count,
    avg(score) as mean_score,
    stddev_samp(score) as stddev_score,
    min(score) as min_score,
    percentile(score, 0.5) as median_score,
    max(score) as max_score
from scored_attempts
group by course_name
