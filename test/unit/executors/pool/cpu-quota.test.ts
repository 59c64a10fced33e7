import { describe, expect, it } from 'vitest'
import { cpuQuota } from '../../../../src/executors/pool/cpu-quota.ts'

const quotaOf = (files: Readonly<Record<string, string>>): number | null =>
  cpuQuota((file) => files[file] ?? null)

describe('the CPU quota of a control group', () => {
  it.each([
    ['is none where there are no control groups', {}, null],
    ['is none without a bound', { '/proc/self/cgroup': '0::/\n' }, null],
    [
      'is that of the root within a container',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' },
      1.5,
    ],
    [
      'is none where the bound is "max"',
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' },
      null,
    ],
    [
      'is the least of the group and those above it',
      {
        '/proc/self/cgroup': '0::/system.slice/app.service\n',
        '/sys/fs/cgroup/system.slice/app.service/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/system.slice/cpu.max': '200000 100000\n',
      },
      2,
    ],
    [
      'is read of the first version too',
      {
        '/proc/self/cgroup': '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n',
        '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000\n',
      },
      3,
    ],
    [
      "is that of the mount where the path of the first version is the host's",
      {
        '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      0.5,
    ],
    [
      'is none where the first version says -1',
      {
        '/proc/self/cgroup': '4:cpu,cpuacct:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      null,
    ],
    [
      'does not follow a path out of the mount',
      { '/proc/self/cgroup': '0::/../../x\n', '/sys/fs/cgroup/x/cpu.max': '100000 100000' },
      1,
    ],
  ] as const)('%s', (_title, files, quota) => {
    expect(quotaOf(files)).toBe(quota)
  })
})
