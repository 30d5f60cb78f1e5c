-- Each attempt has exactly one row per question of its newest message.
{% set in_untested_slices = [
    untested_slices(ref('int_attempts__deduplicated')),
    untested_slices(ref('fct_question_responses')),
] | join(' or ') %}

with attempts as (

    select
        attempt_id,
        _kafka_partition,
        _kafka_offset,
        array_size(filter(questions, question -> question is not null))
            as question_count
    from {{ ref('int_attempts__deduplicated') }}
    where {{ in_untested_slices }}

),

responses as (

    select
        attempt_id,
        _kafka_partition,
        _kafka_offset,
        count(*) as question_count
    from {{ ref('fct_question_responses') }}
    where {{ in_untested_slices }}
    group by attempt_id, _kafka_partition, _kafka_offset

)

select
    attempts.attempt_id as attempt_id_of_attempt,
    responses.attempt_id as attempt_id_of_responses,
    attempts.question_count as expected_count,
    responses.question_count as found_count
from attempts
full outer join responses
    on
        attempts.attempt_id = responses.attempt_id
        and attempts._kafka_partition = responses._kafka_partition
        and attempts._kafka_offset = responses._kafka_offset
where coalesce(attempts.question_count, 0) != coalesce(responses.question_count, 0)
