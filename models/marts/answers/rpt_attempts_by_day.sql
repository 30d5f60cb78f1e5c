with scored_attempts as (

    select
        cast(recorded_at as date) as record_date,
        score
    from {{ ref('fct_attempts') }}
    where is_scored

)

select
    record_date,
    count(*) as attempt_count,
    avg(score) as mean_score
from scored_attempts
group by record_date
