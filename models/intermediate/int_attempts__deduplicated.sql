{{ config(
    materialized='incremental',
    partition_by=['_kafka_partition', '_kafka_slice']
) }}

{% set in_changed_slices = in_changed_slices(changed_attempts()) %}

with messages as (

    select * from {{ ref('stg_assessments__messages') }}
    where {{ in_changed_slices }}

),

attempts as (

    select * from {{ ref('int_attempts__newest_messages') }}
    where {{ in_changed_slices }}

),

itemised as (

    select
        messages.*,
        {{ first_occurrences('sequences.questions.id') }} as item_flags
    from messages
    inner join attempts
        on
            messages._kafka_partition = attempts._kafka_partition
            and messages._kafka_slice = attempts._kafka_slice
            and messages._kafka_offset = attempts._kafka_offset

),

counted as (

    select
        *,
        size(filter(
            coalesce(sequences.questions, array()),
            (question, place) -> question.user_correct and item_flags[place]
        )) as correct_item_count
    from itemised

)

select
    keen_id as attempt_id,
    user_exam_id,
    base_exam_id as exam_id,
    exam_name as course_name,
    sequences.attempt as attempt_number,
    {{ read_whole_number('max_attempts') }} as max_attempts,
    sequences.counts.total as question_count,
    sequences.counts.correct as correct_count,
    sequences.counts.incorrect as incorrect_count,
    sequences.counts.incomplete as incomplete_count,
    sequences.counts.submitted as submitted_count,
    sequences.counts.unanswered as unanswered_count,
    coalesce(sequences.counts.total > 0, false)
    and sequences.counts.correct is not null as is_scorable,
    case certification when 'true' then true when 'false' then false end
        as is_certification,
    sequences.counts.all_correct as is_all_correct,
    {{ read_iso_timestamp('started_at') }} as started_at,
    {{ read_epoch_seconds('keen_timestamp') }} as recorded_at,
    sequences.questions,
    {{ item_ids('sequences.questions') }} as item_ids,
    md5(to_json(item_ids)) as form_id,
    correct_item_count,
    transform(
        sequences.questions,
        (question, place) -> case
            when item_flags[place]
                then correct_item_count - if(question.user_correct, 1, 0)
        end
    ) as rest_correct_counts,
    {{ last_answered_at('sequences.questions') }} as last_answered_at,
    filter(
        array(
            {{ if_unreadable('max_attempts', read_whole_number('max_attempts')) }},
            {{ if_unreadable('certification', 'is_certification') }},
            {{ if_unreadable('started_at', read_iso_timestamp('started_at')) }},
            {{ if_unreadable('keen_timestamp', 'recorded_at') }}
        ),
        field -> field.value is not null
    ) as unreadable_values,
    _kafka_topic,
    _kafka_partition,
    _kafka_offset,
    _kafka_slice,
    _kafka_timestamp
from counted
