import { t } from '../text/language'
import { WideTable } from '../ui/WideTable'
import type { Reader, Stream } from './stream'
import { countWords, durationWords, rateWords } from './words'

interface Props {
  readonly stream: Stream
  readonly readers?: readonly Reader[]
}

/** The stream in numbers: a row for each reader of each topic. */
export function StreamTable({ stream, readers = stream.readers }: Props) {
  const { columns, title } = t().flow.stream
  return (
    <WideTable label={title} head={Object.values(columns)}>
      <StreamRows stream={stream} readers={readers} />
    </WideTable>
  )
}

export function StreamRows({ stream, readers }: Required<Props>) {
  return readers.map((reader) => (
    <tr key={`${reader.group} ${reader.topic}`}>
      <th scope="row">{reader.topic}</th>
      <td>{reader.group}</td>
      <td>{rateWords(stream.written.get(reader.topic))}</td>
      <td>{rateWords(reader.rate)}</td>
      <td>{countWords(reader.messages)}</td>
      <td>{durationWords(reader.messages === 0 ? null : reader.seconds)}</td>
      <td>{durationWords(reader.messages === 0 ? null : reader.secondsToClear)}</td>
    </tr>
  ))
}
