-- Accepted, duplicate and rejected messages add up to the rows in raw.
with landed as (

    select
        partition as _kafka_partition,
        offset as _kafka_offset
    from {{ source('raw', 'assessment_attempts') }}

),

staged as (

    select
        _kafka_partition,
        max(_kafka_offset) as last_offset
    from {{ ref('stg_assessments__messages') }}
    group by _kafka_partition

),

-- Messages landed after the build are not staged yet, so they don't count.
landed_before_build as (

    select count(*) as message_count
    from landed
    inner join staged
        on
            landed._kafka_partition = staged._kafka_partition
            and landed._kafka_offset <= staged.last_offset

),

outcomes as (

    select sum(message_count) as message_count
    from {{ ref('audit_message_outcomes') }}

)

select
    landed_before_build.message_count as landed_count,
    outcomes.message_count as outcome_count
from landed_before_build
cross join outcomes
where landed_before_build.message_count is distinct from outcomes.message_count
