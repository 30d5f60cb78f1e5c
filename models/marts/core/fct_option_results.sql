{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice']
) }}

with responses as (

    select
        *,
        coalesce(is_checked, false) as is_chosen,
        coalesce(is_correct, false) as is_right
    from {{ ref('fct_option_responses') }}
    where
        is_scorable
        and rest_correct_count is not null
        and ({{ in_changed_slices(changed_attempts()) }})

)

select
    exam_id,
    question_id,
    option_id,
    -- A key can be corrected, so the newest attempt says what it is.
    max_by(is_right, {{ message_recency() }}) as is_key,
    count(*) as response_count,
    count_if(is_chosen) as checked_count,
    sum(rest_correct_count) as rest_sum,
    sum(cast(rest_correct_count as bigint) * rest_correct_count) as rest_square_sum,
    sum(if(is_chosen, rest_correct_count, 0)) as checked_rest_sum,
    max({{ message_recency() }}) as newest_message,
    _kafka_partition,
    max(_kafka_offset) as _kafka_offset,
    _kafka_slice
from responses
group by exam_id, question_id, option_id, _kafka_partition, _kafka_slice
