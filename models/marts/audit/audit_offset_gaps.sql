with messages as (

    select
        topic,
        partition,
        offset
    from {{ source('raw', 'assessment_attempts') }}

),

positions as (

    select
        topic,
        partition,
        offset
    from messages
    {%- for loss in accepted_losses() %}
    -- What was lost and accepted follows this offset.
    union all
    select distinct
        topic,
        {{ loss.partition }},
        {{ loss.first - 1 }}
    from messages
    {%- endfor %}

),

neighbours as (

    select
        topic,
        partition,
        offset,
        lead(offset) over (partition by topic, partition order by offset) as next_offset
    from positions

)

select
    topic,
    partition,
    offset + 1 as first_missing_offset,
    next_offset - 1 as last_missing_offset,
    next_offset - offset - 1 as missing_count
from neighbours
where next_offset > offset + 1
