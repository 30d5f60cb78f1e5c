with courses as (

    select
        'course' as grain,
        mean_score as score
    from {{ ref('fct_course_results') }}

),

attempts as (

    select
        'attempt' as grain,
        score
    from {{ ref('fct_attempts') }}
    where is_scored

),

-- Both grains have a row even if nothing is scored yet.
grains as (

    select explode(array('course', 'attempt')) as grain

),

scores as (

    select * from courses
    union all
    select * from attempts

),

described as (

    select
        grains.grain,
        count(scores.score) as item_count,
        avg(scores.score) as mean_score,
        stddev_samp(scores.score) as stddev_score,
        min(scores.score) as min_score,
        percentile(scores.score, array(0.25, 0.5, 0.75)) as quartiles,
        max(scores.score) as max_score
    from grains
    left join scores on grains.grain = scores.grain
    group by grains.grain

)

select
    grain,
    item_count,
    mean_score,
    stddev_score,
    min_score,
    quartiles[0] as q1_score,
    quartiles[1] as median_score,
    quartiles[2] as q3_score,
    max_score
from described
