-- Each attempt has exactly one row per option of its newest message.
{% set in_untested_slices = [
    untested_slices(ref('int_attempts__deduplicated')),
    untested_slices(ref('fct_option_responses')),
] | join(' or ') %}

with attempts as (

    select
        attempt_id,
        _kafka_partition,
        _kafka_offset,
        aggregate(
            questions,
            0,
            (option_count, question) -> option_count + coalesce(
                array_size(filter(question.options, option -> option is not null)), 0
            )
        ) as option_count
    from {{ ref('int_attempts__deduplicated') }}
    where {{ in_untested_slices }}

),

responses as (

    select
        attempt_id,
        _kafka_partition,
        _kafka_offset,
        count(*) as option_count
    from {{ ref('fct_option_responses') }}
    where {{ in_untested_slices }}
    group by attempt_id, _kafka_partition, _kafka_offset

)

select
    attempts.attempt_id as attempt_id_of_attempt,
    responses.attempt_id as attempt_id_of_responses,
    attempts.option_count as expected_count,
    responses.option_count as found_count
from attempts
full outer join responses
    on
        attempts.attempt_id = responses.attempt_id
        and attempts._kafka_partition = responses._kafka_partition
        and attempts._kafka_offset = responses._kafka_offset
where coalesce(attempts.option_count, 0) != coalesce(responses.option_count, 0)
