{{ config(materialized='incremental', unique_key='attempt_id') }}

with accepted_messages as (

    select
        *,
        row_number() over (
            partition by keen_id order by {{ message_recency() }} desc
        ) as message_rank
    from {{ ref('stg_assessments__messages') }}
    where reject_reason is null and ({{ is_new_message() }})

),

newest_messages as (

    select accepted.*
    from accepted_messages as accepted
    {% if is_incremental() %}
    -- A new message may be older than the one already stored for its attempt.
    left join {{ this }} as known on accepted.keen_id = known.attempt_id
    {% endif %}
    where
        accepted.message_rank = 1
    {% if is_incremental() %}
    and (
        known.attempt_id is null
        or {{ message_recency('accepted') }} > {{ message_recency('known') }}
    )
    {% endif %}

),

itemised as (

    select
        *,
        {{ first_occurrences('sequences.questions.id') }} as item_flags
    from newest_messages

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
    _kafka_timestamp
from counted
