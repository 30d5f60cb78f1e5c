{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice']
) }}

with responses as (

    select
        *,
        coalesce(is_correct, false) as is_right
    from {{ ref('fct_question_responses') }}
    where
        is_scorable
        and rest_correct_count is not null
        and ({{ in_changed_slices(changed_attempts()) }})

)

select
    exam_id,
    form_id,
    question_id,
    count(*) as response_count,
    count_if(is_right) as correct_count,
    count_if(is_incomplete) as incomplete_count,
    count_if(result = 'unanswered') as unanswered_count,
    sum(rest_correct_count) as rest_sum,
    sum(cast(rest_correct_count as bigint) * rest_correct_count) as rest_square_sum,
    sum(if(is_right, rest_correct_count, 0)) as correct_rest_sum,
    _kafka_partition,
    max(_kafka_offset) as _kafka_offset,
    _kafka_slice
from responses
group by exam_id, form_id, question_id, _kafka_partition, _kafka_slice
