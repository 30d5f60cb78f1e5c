with messages as (

    select
        topic,
        partition,
        offset
    from {{ source('raw', 'assessment_attempts') }}

),

neighbours as (

    select
        topic,
        partition,
        offset,
        lead(offset) over (partition by topic, partition order by offset) as next_offset
    from messages

)

select
    topic,
    partition,
    offset + 1 as first_missing_offset,
    next_offset - 1 as last_missing_offset,
    next_offset - offset - 1 as missing_count
from neighbours
where next_offset > offset + 1
