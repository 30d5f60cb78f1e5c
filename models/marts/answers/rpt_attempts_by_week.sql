with scored_attempts as (

    select
        cast(date_trunc('week', recorded_at) as date) as week_start_date,
        score
    from {{ ref('fct_attempts') }}
    where is_scored

)

select
    week_start_date,
    count(*) as attempt_count,
    avg(score) as mean_score
from scored_attempts
group by week_start_date
