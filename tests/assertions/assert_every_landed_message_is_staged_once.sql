-- Every landed message up to the last staged offset is staged exactly once.
with landed as (

    select
        partition as _kafka_partition,
        offset as _kafka_offset
    from {{ source('raw', 'assessment_attempts') }}

),

staged as (

    select
        _kafka_partition,
        count(*) as message_count,
        min(_kafka_offset) as first_offset,
        max(_kafka_offset) as last_offset
    from {{ ref('stg_assessments__messages') }}
    group by _kafka_partition

),

-- Messages landed after the build are not staged yet, so they don't count.
compared as (

    select
        staged._kafka_partition,
        count(landed._kafka_offset) as landed_count,
        any_value(staged.message_count) as staged_count,
        min(landed._kafka_offset) as first_landed_offset,
        any_value(staged.first_offset) as first_staged_offset,
        max(landed._kafka_offset) as last_landed_offset,
        any_value(staged.last_offset) as last_staged_offset
    from staged
    left join landed
        on
            staged._kafka_partition = landed._kafka_partition
            and staged.last_offset >= landed._kafka_offset
    group by staged._kafka_partition

)

select *
from compared
where
    landed_count != staged_count
    or first_landed_offset is distinct from first_staged_offset
    or last_landed_offset is distinct from last_staged_offset
