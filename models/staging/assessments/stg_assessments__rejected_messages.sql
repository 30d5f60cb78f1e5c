with messages as (

    select * from {{ ref('stg_assessments__messages') }}

),

parsed as (

    select
        *,
        try_parse_json(message_text) as content
    from messages
    where reject_reason is not null

)

select
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_timestamp,
    reject_reason,
    {{ reject_detail('reject_reason', 'message_text', 'content') }} as reject_detail,
    message_source,
    message_text
from parsed
