with messages as (

    select * from {{ ref('stg_assessments__messages') }}

),

unknown_keys as (

    select
        key_path,
        _kafka_timestamp
    from messages
        lateral view explode(unknown_key_paths) as key_path

)

select
    key_path,
    count(*) as message_count,
    min(_kafka_timestamp) as first_seen_at,
    max(_kafka_timestamp) as last_seen_at
from unknown_keys
group by key_path
