{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice'],
    tblproperties={'write.distribution-mode': 'hash'}
) }}

{% set is_new_message = is_new_message() %}

{% set new_messages %}
    select
        keen_id as attempt_id,
        array(struct(_kafka_partition, _kafka_offset)) as messages,
        _kafka_topic,
        _kafka_partition,
        _kafka_offset,
        _kafka_slice,
        _kafka_timestamp
    from {{ ref('stg_assessments__messages') }}
    where reject_reason is null and ({{ is_new_message }})
{% endset %}

{% set changed_messages %}
    select
        _kafka_partition,
        _kafka_offset
    from ({{ new_messages }})
    {% if is_incremental() %}
    union all
    select
        known._kafka_partition,
        known._kafka_offset
    from {{ this }} as known
    left semi join ({{ new_messages }}) as arrived
        on known.attempt_id = arrived.attempt_id
    {% endif %}
{% endset %}

{% set in_changed_slices = in_changed_slices(changed_messages) %}

with messages as (

    {{ new_messages }}
    {% if is_incremental() %}
    -- A new message may be older than the known one of its attempt.
    union all
    select * from {{ this }}
    where {{ in_changed_slices }}
    {% endif %}

),

attempts as (

    select
        attempt_id,
        max_by(
            struct(
                _kafka_topic,
                _kafka_partition,
                _kafka_offset,
                _kafka_slice,
                _kafka_timestamp
            ),
            {{ message_recency() }}
        ) as newest,
        array_distinct(flatten(collect_list(messages))) as messages
    from messages
    group by attempt_id

)

select
    attempt_id,
    messages,
    newest._kafka_topic,
    newest._kafka_partition,
    newest._kafka_offset,
    newest._kafka_slice,
    newest._kafka_timestamp
from attempts
