with messages as (

    select * from {{ ref('stg_assessments__messages') }}

)

select
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    reject_reason,
    message_text
from messages
where reject_reason is not null
